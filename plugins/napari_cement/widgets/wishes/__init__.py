"""The tab "My wishes": targets, regions, needles that stay, a needle of one's own."""
