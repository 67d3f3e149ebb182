import unittest

from spans import merge, parse, show


class SpanTest(unittest.TestCase):
    def test_a_single_number_is_a_span(self):
        self.assertEqual(parse("7"), (7, 7))

    def test_neighbours_are_merged(self):
        self.assertEqual(merge([(4, 6), (1, 3)]), [(1, 6)])

    def test_a_gap_stays(self):
        self.assertEqual(show(merge([(1, 2), (4, 4)])), "1-2 4")


if __name__ == "__main__":
    unittest.main()
