"""Pages composed of several capabilities: sign-in, 工作台, 一张图, the phone page."""
