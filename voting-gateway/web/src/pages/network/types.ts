/** Shapes of the network's state under short names. */
import type { components } from '../../api/schema';

type Schemas = components['schemas'];

export type Status = Schemas['NetworkStatus'];
export type Authority = Schemas['AuthorityStatus'];
export type Health = Schemas['HealthModel'];
export type Block = Schemas['BlockModel'];
export type Redis = Schemas['RedisModel'];
export type Shard = Schemas['RedisShardModel'];
