import contextlib
import io
import unittest

from shop import report


class ReportTest(unittest.TestCase):
    def test_it_lists_every_article_once(self):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            report.main(["stock.txt"])
        self.assertEqual(len(out.getvalue().splitlines()), 5)
        self.assertIn("AA2-BATTERY", out.getvalue())


if __name__ == "__main__":
    unittest.main()
