"""What a person changes in the viewer: wishes, a needle of one's own."""
