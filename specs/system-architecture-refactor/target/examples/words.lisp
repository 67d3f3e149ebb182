; Word counts by association list.
(define text "the quick brown fox jumps over the lazy dog the fox is quick")
(define (count-words words)
  (fold (lambda (acc w)
          (let ((hit (assoc w acc)))
            (if hit
                (begin (set-cdr! hit (+ (cdr hit) 1)) acc)
                (cons (cons w 1) acc))))
        '() words))
(define counts
  (sort (count-words (string-split text " "))
        (lambda (a b) (or (> (cdr a) (cdr b))
                          (and (= (cdr a) (cdr b)) (string<? (car a) (car b)))))))
(for-each (lambda (c) (display (car c) ": " (cdr c)) (newline)) counts)
