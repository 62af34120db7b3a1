import { Module } from '@nestjs/common';
import { SnapshotModule } from '../../zones/snapshot/snapshot.module.js';
import { AuthorizationController } from './authorization.controller.js';
import { DiscoveryController } from './discovery.controller.js';
import { MetadataDocuments } from './documents.service.js';
import { MetadataSignatures } from './metadata-signatures.service.js';
import { NamedZones } from './zone-names.service.js';

/** Metadata of zones and resources: how clients find what is there. */
@Module({
  imports: [SnapshotModule],
  controllers: [DiscoveryController, AuthorizationController],
  providers: [MetadataDocuments, MetadataSignatures, NamedZones],
})
export class DiscoveryModule {}
