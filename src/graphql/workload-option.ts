import SchemaBuilder, { BasePlugin, type PothosOutputFieldConfig, type SchemaTypes } from '@pothos/core';
import type { WorkloadClass } from '../database/workload.ts';

declare global {
  export namespace PothosSchemaTypes {
    interface FieldOptions<Types extends SchemaTypes = SchemaTypes> {
      /** On a root field: the class of work that an operation with only such fields is. Defaults to that of the operation type. */
      workload?: WorkloadClass & (Types extends object ? unknown : never);
    }
  }
}

/** Keeps the option `workload` of root fields, for execution/operation-workload.ts. */
class WorkloadPlugin<Types extends SchemaTypes> extends BasePlugin<Types> {
  override onOutputFieldConfig(config: PothosOutputFieldConfig<Types>) {
    return { ...config, extensions: { ...config.extensions, workload: config.pothosOptions.workload } };
  }
}

SchemaBuilder.registerPlugin('workload' as never, WorkloadPlugin as never);
