"""The demo in real browsers, as staff and riders use it; parts by themselves are tested beside the parts."""
