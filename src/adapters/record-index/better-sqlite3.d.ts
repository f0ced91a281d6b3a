/** What sqlite.ts uses of it. */
declare module 'better-sqlite3' {
  interface Statement {
    run(...values: readonly unknown[]): unknown;
    get(...values: readonly unknown[]): unknown;
    all(...values: readonly unknown[]): unknown;
  }
  const database: new (path: string) => {
    exec(sql: string): unknown;
    prepare(sql: string): Statement;
    close(): unknown;
  };
  export default database;
}
