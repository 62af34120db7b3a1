/** A zone. */
export const ZONE = '01a20492-4617-70c1-a897-ad65ae6a2bad';
/** A client in it. */
export const CLIENT = '01a20492-48b0-77b7-b96f-fdd260e89558';
/** A policy in it. */
export const POLICY = '01a20492-49f8-74f5-9f2b-5c7e6d29ffef';
/** A version of the policy. */
export const POLICY_VERSION = '01a20492-4a18-721c-8f73-74899b2e0216';
/** A policy set in it. */
export const SET = '01a20492-4abc-7036-bd5c-4c66e73ad7c5';
/** A version of the set. */
export const SET_VERSION = '01a20492-4b2a-70f0-b57b-41bbd0a882e6';
/** What waits for a person. */
export const CHALLENGE = '01a20492-4c1d-73a2-8aa9-eed3c0cd044f';
/** A request. */
export const REQUEST = '01a20492-4c0f-7463-9b88-4ba94c66d5fc';
/** A resource. */
export const ORDERS = 'https://orders.example';
/** What mandates are, as a type of token. */
export const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
/** What is drawn, cut short: nobody could use it. */
export const SECRET = 'mds_…';
/** A mandate, cut short. */
export const TOKEN = 'eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9…';

/** When something was made. */
export const MADE = { created_at: '2026-11-22T18:43:45.758Z' } as const;
/** When something was made that is as it was then. */
export const MADE_AND_CHANGED = { ...MADE, updated_at: '2026-11-22T18:43:45.758Z' } as const;
/** Who the client is. */
export const CREDENTIALS = { client_id: CLIENT, client_secret: SECRET } as const;
