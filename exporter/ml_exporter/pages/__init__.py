"""The pages for people: HTML from the blocks of a published snapshot, without scripts and outside assets."""
