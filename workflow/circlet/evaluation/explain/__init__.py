"""What calls rest on."""
