// Filled by its module's first commit.
