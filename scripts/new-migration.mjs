// Makes a migration: npm run migration:new <name>, of small letters, digits and hyphens. It still has to be listed in data-source.ts.
import { writeFileSync } from 'node:fs';

const [name = ''] = process.argv.slice(2);
if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)) {
  console.error('usage: npm run migration:new <name>, such as proof-systems');
  process.exit(2);
}
const stamp = Date.now();
const words = name.split('-').map((word) => word[0].toUpperCase() + word.slice(1));
const className = `${words.join('')}${stamp}`;
const path = `src/schema/migrations/${stamp}-${name}.ts`;
writeFileSync(
  path,
  `import type { MigrationInterface, QueryRunner } from 'typeorm';
import { placeTable } from './place-table.js';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** What it adds. */
export class ${className} implements MigrationInterface {
  name = '${className}';

  async up(db: QueryRunner): Promise<void> {
    await db.query(\`
      CREATE TABLE … without foreign keys
    \`);
    await placeTable(db, '…');
    await db.query(\`
      ALTER TABLE … ADD FOREIGN KEY (zone_id) REFERENCES zones ON DELETE CASCADE
    \`);
  }

  down = refuseToGoBack;
}
`,
  { flag: 'wx' },
);
console.log(`${path}: now list ${className} in src/schema/data-source.ts`);
