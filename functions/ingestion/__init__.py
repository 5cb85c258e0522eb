"""Takes notice of uploads, and queues their processing once they are scanned."""
