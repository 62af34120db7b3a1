import { Get, Head, Post } from '@nestjs/common';
import { expect, test } from 'vitest';
import { AdminController } from './admin-controller.js';
import { Permission, permissionOf } from './permission.js';

@AdminController('things', { noun: 'zones' })
class Things {
  @Get()
  list() {}

  @Head()
  look() {}

  @Post()
  make() {}

  @Post('rotate')
  @Permission('keys:rotate')
  rotate() {}

  helper() {}
}

test('a handler asks to read or to write what its controller is about, unless it says otherwise', () => {
  const names = ['list', 'look', 'make', 'rotate', 'helper'] as const;
  expect(names.map((name) => permissionOf(Things.prototype[name]))).toEqual([
    'zones:read',
    'zones:read',
    'zones:write',
    'keys:rotate',
    null,
  ]);
});
