import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { ProofSystems } from './proof-systems.service.js';

/** The guard of proof systems' route: a signature over the request (Standard Webhooks). */
@Injectable()
export class ProofSystemGuard implements CanActivate {
  constructor(private readonly systems: ProofSystems) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    await this.systems.admit(context.switchToHttp().getRequest());
    return true;
  }
}
