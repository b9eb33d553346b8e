"""Rewriting of networks: the same answers in another form, for whoever stores or quantizes them."""
