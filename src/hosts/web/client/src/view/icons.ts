// The page's drawings: paths in a square of 24 units, drawn with a line.

/** What they show. */
export const ICONS = {
  send: "M5 12h13M12 5l7 7-7 7",
  menu: "M4 7h16M4 12h16M4 17h16",
  people: "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM2.5 20c0-3.6 2.9-6 6.5-6s6.5 2.4 6.5 6M16 4.5a3.5 3.5 0 0 1 0 6.5M18 14.5c2.200.7 3.500 2.800 3.500 5.500",
  code: "M8 7l-5 5 5 5M16 7l5 5-5 5",
  gear: "M4 6h9M17 6h3M4 12h3M11 12h9M4 18h9M17 18h3M15 4v4M9 10v4M15 16v4",
  close: "M6 6l12 12M18 6L6 18",
  leave: "M14 4h5v16h-5M4 12h11M11 8l4 4-4 4",
} as const;
