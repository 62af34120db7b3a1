import { Global, Module } from '@nestjs/common';
import { DirectRoutes } from './direct-routes.js';
import { EndpointMetadata } from './endpoint-metadata.js';
import { PublicRoutes } from './public-routes.js';

/** Where controllers say what is answered in front of the framework, and what metadata says of them. Commands have it, too. */
@Global()
@Module({
  providers: [DirectRoutes, EndpointMetadata, PublicRoutes],
  exports: [DirectRoutes, EndpointMetadata, PublicRoutes],
})
export class RegistriesModule {}
