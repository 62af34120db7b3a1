/** The log of the installation, where logs are named by zones: a UUID that no zone has (RFC 9562 section 5.10). */
export const INSTALLATION_LOG = 'ffffffff-ffff-ffff-ffff-ffffffffffff';
