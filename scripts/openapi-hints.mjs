// The compiler plugin of `@nestjs/swagger`, which gives controllers and bodies what their types and comments say of
// them. What it has them import is the package itself; here that becomes our decorators, which load it only when the
// document is asked for. What handlers answer it does not know: that is written beside `openapi-document.js`.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { before as hints } from '@nestjs/swagger/plugin';
import { describeAnswers } from './openapi-answers.mjs';

const DECORATORS = fileURLToPath(
  new URL('../src/platform/http/openapi-decorators.js', import.meta.url),
);

const ANSWERS = 'src/platform/http/openapi-answers.json';

export const before = (options, program) => {
  writeAnswers(program);
  return withHints(options, program);
};

/** Once for each run of the compiler: an answer can change where its controller does not. */
function writeAnswers(program) {
  const path = join(program.getCompilerOptions().outDir, ANSWERS);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, JSON.stringify(describeAnswers(program)));
}

const withHints = (options, program) => (context) => {
  const addHints = hints(options, program)(context);
  const { factory } = context;
  return (file) => {
    const hinted = addHints(file);
    const path = relative(dirname(file.fileName), DECORATORS).split(sep).join('/');
    const specifier = factory.createStringLiteral(path.startsWith('.') ? path : `./${path}`);
    const statements = hinted.statements.map((statement) =>
      statement.moduleSpecifier?.text === '@nestjs/swagger'
        ? factory.updateImportDeclaration(
            statement,
            statement.modifiers,
            statement.importClause,
            specifier,
            statement.attributes,
          )
        : statement,
    );
    return factory.updateSourceFile(hinted, statements);
  };
};
