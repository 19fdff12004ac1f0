import { Field, ID, InputType } from 'type-graphql';

@InputType({ description: 'Whose data to export.' })
export class ExportUserDataInput {
  @Field(() => ID, { description: 'The id of the user.' })
  userId: string;
}

@InputType({ description: 'Whom to erase.' })
export class EraseUserInput {
  @Field(() => ID, { description: 'The id of the user.' })
  userId: string;

  @Field(() => Boolean, {
    nullable: true,
    defaultValue: false,
    description: 'Answer the plan and change nothing.',
  })
  dryRun?: boolean | null;

  @Field(() => String, {
    nullable: true,
    description:
      'Why. What staff say is kept in the ledger and the audit trail, so without personal data; what users say of themselves is not kept. At most 500 characters.',
  })
  reason?: string | null;
}

@InputType({ description: 'Whose data must be kept for now.' })
export class PlaceLegalHoldInput {
  @Field(() => ID, { description: 'The id of the user.' })
  userId: string;

  @Field(() => String, { description: 'Why. At most 500 characters.' })
  reason: string;
}

@InputType({ description: 'Whose data need no longer be kept.' })
export class ReleaseLegalHoldInput {
  @Field(() => ID, { description: 'The id of the user.' })
  userId: string;

  @Field(() => String, { description: 'Why. At most 500 characters.' })
  reason: string;
}
