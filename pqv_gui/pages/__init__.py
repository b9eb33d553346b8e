"""The pages of the window, a folder each: the page, what it shows, and the widgets that only it has."""
