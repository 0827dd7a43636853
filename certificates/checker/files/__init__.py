"""What comes in as bytes and is declined if anything is off, and the verdict that goes out."""
