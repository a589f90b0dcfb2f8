"""From a mixture card to an order: shares, quotas, the plan, the order, its audit."""
