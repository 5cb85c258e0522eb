"""Opens uploaded files for the steps of processing, without any access of its own."""
