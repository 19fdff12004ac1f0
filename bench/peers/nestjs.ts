import 'reflect-metadata';
import { ApolloFederationDriver, type ApolloFederationDriverConfig } from '@nestjs/apollo';
import { Inject, Injectable, Module, Scope } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  Args,
  Directive,
  Field,
  GraphQLModule,
  ID,
  Int,
  ObjectType,
  Parent,
  Query,
  ResolveField,
  ResolveReference,
  Resolver,
} from '@nestjs/graphql';
import { InjectDataSource, InjectRepository, TypeOrmModule } from '@nestjs/typeorm';
import DataLoader from 'dataloader';
import { Column, type DataSource, Entity, In, Not, PrimaryColumn, type Repository } from 'typeorm';

/** NestJS with its Apollo driver, TypeORM repositories and a DataLoader for each request. */
@ObjectType('HistoryEntry')
class HistoryEntry {
  @Field(() => ID)
  id: string;

  @Field(() => String)
  type: string;

  @Field(() => String)
  occurredAt: string;
}

@ObjectType()
class HistoryConnection {
  @Field(() => [HistoryEntry])
  nodes: HistoryEntry[];
}

@Entity('users')
@ObjectType('User')
@Directive('@key(fields: "id")')
class User {
  @PrimaryColumn('uuid')
  @Field(() => ID)
  id: string;

  @Column('text', { name: 'display_name', nullable: true })
  @Field(() => String, { nullable: true })
  displayName: string | null;

  @Column('text')
  @Field(() => String)
  status: string;

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;
}

@ObjectType()
class UserConnection {
  @Field(() => [User])
  nodes: User[];
}

@Injectable({ scope: Scope.REQUEST })
class Loaders {
  readonly user: DataLoader<string, User>;
  private readonly history = new Map<number, DataLoader<string, HistoryEntry[]>>();

  constructor(
    @InjectRepository(User) users: Repository<User>,
    @InjectDataSource() private readonly dataSource: DataSource,
  ) {
    this.user = new DataLoader(async (ids) => {
      const rows = await users.findBy({ id: In([...ids]) });
      const found = new Map(rows.map((row) => [row.id, row]));
      return ids.map(
        (id) => found.get(id) ?? Object.assign(new User(), { id, displayName: null, status: 'UNKNOWN' }),
      );
    });
  }

  historyOf(first: number): DataLoader<string, HistoryEntry[]> {
    let loader = this.history.get(first);
    if (!loader) {
      loader = new DataLoader(async (ids) => {
        const rows = await this.dataSource.query(
          `SELECT u.id AS "userId", h.id, h.type, h.occurred_at
           FROM unnest($1::uuid[]) AS u (id) CROSS JOIN LATERAL (
             SELECT id, type, occurred_at FROM user_history WHERE user_id = u.id
             ORDER BY occurred_at DESC, user_history.id DESC LIMIT $2) AS h`,
          [ids, first],
        );
        const pages = new Map<string, HistoryEntry[]>(ids.map((id) => [id, []]));
        for (const row of rows)
          pages
            .get(row.userId)
            ?.push({ id: row.id, type: row.type, occurredAt: row.occurred_at.toISOString() });
        return ids.map((id) => pages.get(id) ?? []);
      });
      this.history.set(first, loader);
    }
    return loader;
  }
}

@Resolver(() => User)
class UserResolver {
  constructor(
    @Inject(Loaders) private readonly loaders: Loaders,
    @InjectRepository(User) private readonly users: Repository<User>,
  ) {}

  @Query(() => User, { name: 'user', nullable: true })
  user(@Args('id', { type: () => ID }) id: string): Promise<User> {
    return this.loaders.user.load(id);
  }

  @Query(() => UserConnection, { name: 'users' })
  async list(@Args('first', { type: () => Int, defaultValue: 20 }) first: number): Promise<UserConnection> {
    const nodes = await this.users.find({
      where: { status: Not('PENDING') },
      order: { createdAt: 'DESC', id: 'DESC' },
      take: first,
    });
    return { nodes };
  }

  @ResolveField('history', () => HistoryConnection)
  async history(
    @Parent() user: User,
    @Args('first', { type: () => Int, defaultValue: 20 }) first: number,
  ): Promise<HistoryConnection> {
    return { nodes: await this.loaders.historyOf(first).load(user.id) };
  }

  @ResolveReference()
  resolveReference({ id }: { id: string }): Promise<User> {
    return this.loaders.user.load(id);
  }
}

@Module({
  imports: [
    GraphQLModule.forRoot<ApolloFederationDriverConfig>({
      driver: ApolloFederationDriver,
      path: '/graphql',
      autoSchemaFile: { federation: 2, path: `/tmp/nestjs-${process.pid}.graphql` },
      playground: false,
    }),
    TypeOrmModule.forRoot({
      type: 'postgres',
      url: process.env['DATABASE_URL'] as string,
      entities: [User],
      extra: { max: 10 },
    }),
    TypeOrmModule.forFeature([User]),
  ],
  providers: [UserResolver, Loaders],
})
class AppModule {}

void NestFactory.create(AppModule, { logger: ['error'] }).then((app) =>
  app.listen(Number(process.env['PORT']), '127.0.0.1'),
);
