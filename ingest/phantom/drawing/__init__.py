"""Drawing of one synthetic radiograph: bones, soft tissue, implants, lesions, film."""
