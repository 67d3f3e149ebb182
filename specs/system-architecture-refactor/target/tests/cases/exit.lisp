(print 'start)
(try (exit 7) (lambda (e) (print 'not-caught)))
(print 'unreached)
