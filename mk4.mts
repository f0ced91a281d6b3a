import { mutants } from './test/mutants/catalogue.ts';
import { makeBrokenCopy } from './test/mutants/broken-copy.ts';
const m = mutants.find(({name}) => name === process.argv[2]);
if (m) console.log(await makeBrokenCopy(m));
