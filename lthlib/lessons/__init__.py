"""What lessons need beside the library: closing cells, handouts for teachers, translations, Colab."""
