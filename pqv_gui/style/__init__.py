"""How everything looks: colours, sizes of text, and lengths that follow them."""
