"""Match runs and the assignments they leave: preview, difference, approve, apply, roll back, reasons."""
