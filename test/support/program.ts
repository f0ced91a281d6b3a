/** What node is given to run `rollcall`: the built program (built-program.ts); the sources where nothing has built it. */
const built = process.env['ROLLCALL_BUILT'];

export const program: readonly string[] = built === undefined ? ['--import', 'tsx', 'src/cli.ts'] : [built];
