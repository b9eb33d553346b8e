"""Parts that pages are made of. They show view-models and know no page."""
