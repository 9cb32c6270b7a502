"""What a planning station shows and judges, without any window: cuts, live needles, turning views, edits."""
