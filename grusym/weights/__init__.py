"""Files of weights: what is in them, which of it is a recurrent module, and writing it in another convention."""
