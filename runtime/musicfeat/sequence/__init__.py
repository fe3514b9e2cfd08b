"""The order of time: joins of pieces are scored, pieces are put in order, cuts are found."""
