import SchemaBuilder, { BasePlugin, type PothosOutputFieldConfig, type PothosTypeConfig, type SchemaTypes } from '@pothos/core';

/** Describes what other plugins generate without a way to describe it: the input and payload types of mutations, and `totalCount`. */
class DefaultDescriptionsPlugin<Types extends SchemaTypes> extends BasePlugin<Types> {
  override onTypeConfig(config: PothosTypeConfig) {
    return { ...config, description: config.description ?? describeType(config.name) };
  }

  override onOutputFieldConfig(config: PothosOutputFieldConfig<Types>) {
    return config.name === 'totalCount' ? { ...config, description: 'The number of objects in the whole list.' } : config;
  }
}

/** `DisableUserPayload` → "Payload of `disableUser`." */
function describeType(name: string) {
  const { verb, part } = /^(?<verb>\w+)(?<part>Input|Payload)$/.exec(name)?.groups ?? {};
  return verb && `${part} of \`${verb.charAt(0).toLowerCase()}${verb.slice(1)}\`.`;
}

SchemaBuilder.registerPlugin('defaultDescriptions' as never, DefaultDescriptionsPlugin as never);
