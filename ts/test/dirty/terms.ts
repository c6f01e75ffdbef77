export const parts = 'not a function'
