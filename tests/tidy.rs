//! The code base itself: layers, limits, tables complete, docs present.
