"""Fields that a card names: columns, paths into nested records, and texts composed of them."""
