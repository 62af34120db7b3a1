import { Module } from '@nestjs/common';
import { ZoneHosts } from './zone-hosts.service.js';

/** Which zone a request is for, where that has a host of its own. */
@Module({ providers: [ZoneHosts] })
export class ZoneHostsModule {}
