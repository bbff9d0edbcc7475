"""How each kind of object is created, altered and dropped: one module a kind or family, all pure."""
