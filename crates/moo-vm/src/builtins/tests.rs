//! What each function does, as the manual tells it.
