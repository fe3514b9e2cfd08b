/** What a user can mend: its message says what was wrong and what to do. */
export class PageError extends Error {}
