import { Entity, PrimaryColumn } from 'typeorm';

/** The identity of an event whose content is gone, so that its next delivery has no effect either. */
@Entity('erased_events')
export class ErasedEvent {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'erased_events_pkey' })
  source: string;

  @PrimaryColumn('text', { name: 'event_id', primaryKeyConstraintName: 'erased_events_pkey' })
  eventId: string;
}
