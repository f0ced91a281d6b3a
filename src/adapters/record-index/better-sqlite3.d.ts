/** What sqlite.ts uses of it. */
declare module 'better-sqlite3' {
  const database: new (path: string) => import('./sqlite.ts').Database;
  export default database;
}
