import unittest

from slugs import slugify


class SlugTest(unittest.TestCase):
    def test_words_are_joined_by_a_hyphen(self):
        self.assertEqual(slugify("Hello World"), "hello-world")

    def test_accents_are_taken_off(self):
        self.assertEqual(slugify("Crème brûlée"), "creme-brulee")

    def test_digits_stay(self):
        self.assertEqual(slugify("Top 10"), "top-10")


if __name__ == "__main__":
    unittest.main()
