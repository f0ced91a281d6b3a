/** Property tests draw the same values in every run; `npm run nightly` draws fresh ones (PROPERTY_SEED). */
import fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env['PROPERTY_SEED'] ?? 1) });
