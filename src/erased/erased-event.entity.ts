import { Entity, PrimaryColumn } from 'typeorm';

/** A row of `erased_events`: the identity of an event whose content was erased. Its next delivery has no effect. */
@Entity('erased_events')
export class ErasedEvent {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'erased_events_pkey' })
  source: string;

  @PrimaryColumn('text', { name: 'event_id', primaryKeyConstraintName: 'erased_events_pkey' })
  eventId: string;
}
