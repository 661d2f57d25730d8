"""Pure rules of the waiting room: standard library only, `now` is always an argument."""
